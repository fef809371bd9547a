import type { Dice } from '../dice.js'

/** Fails in one of the ways in which a listener can: what is thrown need not be an error, nor what is returned a proper promise. */
export function failAnyhow(dice: Dice): object {
  const thrown: unknown = dice.pick([new Error('the work failed'), 'a text', undefined, null, Object.freeze({})])
  if (!dice.chance(0.2)) throw thrown
  const broken = {}
  Reflect.set(broken, 'then', () => {
    throw thrown
  })
  return broken
}
