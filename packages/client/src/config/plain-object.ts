/**
 * What is wrong with an object whose fields are to be read, in words that go on from "it was given …"; undefined: nothing. A Map, a
 * Date or an AbortSignal has no field of its own, and would be taken for an empty object.
 */
export function withoutFields(given: object): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(given)
  if (prototype === null || Object.getPrototypeOf(prototype) === null || Object.keys(given).length > 0) return undefined
  const name = given.constructor?.name ?? 'object'
  const instead = given instanceof Map ? ': make an object of it by Object.fromEntries(map)' : ''
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}, whose fields cannot be read${instead}`
}
