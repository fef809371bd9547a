import type { Uuid } from '../bytes/uuid.js'
import type { Versions } from './versions.js'

// What a message is made of, as plain values, and the TypeScript types that follow from them. A message is an object of
// fields in the order in which they travel:
//
//   groupId: field('0+', 'string', { nullable: '0+', default: null }),
//   topics: field('0+', array({ topicId: field('0+', 'uuid'), partitions: field('0+', array('int32')) })),
//
// Names are Kafka's, with a small first letter; versions, nullable, default, ignorable and tag are those of Kafka's
// definition, which a test compares.

/** What a value of each primitive type is when read. int64 beyond ±(2^53 - 1) is the nearest number. */
interface PrimitiveRead {
  bool: boolean
  int8: number
  int16: number
  uint16: number
  int32: number
  int64: number
  float64: number
  string: string
  uuid: Uuid
  /** A view of the frame that was decoded. */
  bytes: Buffer
  /** Record batches as they came; a view of the frame that was decoded. */
  records: Buffer
}

interface PrimitiveWrite extends Omit<PrimitiveRead, 'bytes' | 'records'> {
  bytes: Uint8Array
  records: Uint8Array
}

export type Primitive = keyof PrimitiveRead

export interface ArrayType<Element extends ElementType = ElementType> {
  readonly kind: 'array'
  readonly element: Element
}

/** The fields of a struct, in the order in which they travel. */
export interface Fields {
  readonly [name: string]: Field
}

export type ElementType = Primitive | Fields
export type FieldType = Primitive | ArrayType | Fields

export interface FieldOptions {
  /** In which versions the value may be null. */
  readonly nullable?: Versions
  /** What an absent value reads as. Unset: 0, false, an empty text, no bytes, no elements, or a struct of such. */
  readonly default?: null | string | number | boolean
  /** The value may be dropped where the version has no place for it; else that is an error, unless it is the default. */
  readonly ignorable?: boolean
  /** The field travels under this number behind the others, and only when it differs from the default. */
  readonly tag?: number
}

export interface Field<
  Type extends FieldType = FieldType,
  Present extends Versions = Versions,
  Options extends FieldOptions = FieldOptions,
> {
  /** The versions that have the field. */
  readonly versions: Present
  readonly type: Type
  readonly options: Options
}

export function field<Present extends Versions, const Type extends FieldType>(
  versions: Present,
  type: Type,
): Field<Type, Present, Record<never, never>>
export function field<Present extends Versions, const Type extends FieldType, const Options extends FieldOptions>(
  versions: Present,
  type: Type,
  options: Options,
): Field<Type, Present, Options>
export function field(versions: Versions, type: FieldType, options: FieldOptions = {}): Field {
  return { versions, type, options }
}

export function array<const Element extends ElementType>(element: Element): ArrayType<Element> {
  return { kind: 'array', element }
}

export function isArray(type: FieldType): type is ArrayType {
  return typeof type === 'object' && type.kind === 'array'
}

type Flat<T> = { [K in keyof T]: T[K] }

type NullIf<Options> = Options extends { readonly nullable: Versions } ? null : never

/** What a message reads as: every field is there; one that the version does not have has its default value. */
export type ReadFields<F extends Fields> = {
  readonly [Name in keyof F]: F[Name] extends Field<infer Type, Versions, infer Options>
    ? Read<Type> | NullIf<Options>
    : never
}

type Read<Type> = Type extends Primitive
  ? PrimitiveRead[Type]
  : Type extends ArrayType<infer Element>
    ? readonly Read<Element>[]
    : Type extends Fields
      ? ReadFields<Type>
      : never

/** The versions 0 to N, for the first versions that our ranges begin with. */
interface UpTo {
  0: 0
  1: 0 | 1
  2: 0 | 1 | 2
  3: 0 | 1 | 2 | 3
  4: 0 | 1 | 2 | 3 | 4
  5: 0 | 1 | 2 | 3 | 4 | 5
  6: 0 | 1 | 2 | 3 | 4 | 5 | 6
  7: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7
  8: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8
  9: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9
  10: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10
}

export type FirstVersion = keyof UpTo

type IsAlwaysPresent<Present, Min extends FirstVersion> = Present extends `${infer First extends number}+`
  ? First extends UpTo[Min]
    ? true
    : false
  : false

type MayBeLeftOut<F, Min extends FirstVersion> =
  F extends Field<FieldType, infer Present, infer Options>
    ? Options extends { readonly default: unknown } | { readonly nullable: Versions } | { readonly tag: number }
      ? true
      : IsAlwaysPresent<Present, Min> extends true
        ? false
        : true
    : never

type RequiredNames<F extends Fields, Min extends FirstVersion> = {
  [Name in keyof F]: MayBeLeftOut<F[Name], Min> extends true ? never : Name
}[keyof F]

type WriteField<F, Min extends FirstVersion> =
  F extends Field<infer Type, Versions, infer Options> ? Write<Type, Min> | NullIf<Options> : never

/**
 * What a message is written from. A field may be left out that has a default, may be null, is tagged, or is not in all
 * versions from `Min` on; it is then its default, else null where the version allows that, else 0, false, an empty text...
 */
export type WriteFields<F extends Fields, Min extends FirstVersion> = Flat<
  { readonly [Name in RequiredNames<F, Min>]: WriteField<F[Name], Min> } & {
    readonly [Name in Exclude<keyof F, RequiredNames<F, Min>>]?: WriteField<F[Name], Min> | undefined
  }
>

type Write<Type, Min extends FirstVersion> = Type extends Primitive
  ? PrimitiveWrite[Type]
  : Type extends ArrayType<infer Element>
    ? Element extends Primitive
      ? ArrayLike<PrimitiveWrite[Element]>
      : readonly Write<Element, Min>[]
    : Type extends Fields
      ? WriteFields<Type, Min>
      : never
