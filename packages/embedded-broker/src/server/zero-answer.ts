import type { Field, Fields } from '@milena/protocol'

/** A response that says nothing: every field its default. */
export function zeroAnswer(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, zeroOf(field)]))
}

function zeroOf({ type, options }: Field): unknown {
  if (options.default !== undefined) return options.default
  if (options.nullable !== undefined) return null
  if (typeof type === 'object') return 'kind' in type && type.kind === 'array' ? [] : zeroAnswer(type as Fields)
  switch (type) {
    case 'bool':
      return false
    case 'string':
      return ''
    case 'uuid':
      return 'AAAAAAAAAAAAAAAAAAAAAA'
    case 'bytes':
    case 'records':
      return Buffer.alloc(0)
    default:
      return 0
  }
}
