/** A wrong argument in the words of an error message, such as "the text '0'". Never more of a text than tells it apart. */
export function shownArgument(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value === '' ? 'an empty text' : `the text '${value.slice(0, 80)}'`
    case 'object':
      return value === null ? 'null' : shownObject(value)
    case 'function':
      return 'a function'
    case 'undefined':
      return 'undefined'
    default:
      return `the ${typeof value} ${String(value)}`
  }
}

function shownObject(value: object): string {
  if (Array.isArray(value)) return 'a list'
  const prototype: unknown = Object.getPrototypeOf(value)
  const name = prototype === null || prototype === Object.prototype ? 'object' : (value.constructor?.name ?? 'object')
  return `${/^[AEIOaeio]/.test(name) ? 'an' : 'a'} ${name}`
}
