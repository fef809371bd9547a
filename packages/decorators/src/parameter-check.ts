/**
 * The part of the parameter decorators that only the compiler sees. TypeScript (5.0 and newer) tells a parameter decorator the type of the
 * class, the name of the method and the index of the parameter; so a decorator can refuse a parameter that cannot take what
 * it gives. Private and protected methods are not seen from outside their class: there nothing is refused.
 */

/** A decorator of parameters that are given a `Given`. On a parameter of another type it does not compile. */
export type ParameterDecoratorFor<Given> = <
  const T extends object,
  const M extends PropertyKey,
  const I extends number,
>(
  target: T,
  method: M,
  index: I & Fits<Given, ParameterAt<T, M, I>>,
) => void

/** What the compiler shows beside a parameter of the wrong type. */
export interface GivenAnotherType<Given> {
  readonly 'its decorator gives it a': Given
}

type Fits<Given, Declared> = [Given] extends [Declared] ? unknown : GivenAnotherType<Given>

type ParameterAt<T, M, I extends number> = M extends keyof T
  ? T[M] extends (...args: infer A) => unknown
    ? I extends keyof A
      ? A[I]
      : unknown
    : unknown
  : unknown
