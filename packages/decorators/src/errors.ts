import { KafkaUsageError } from '@milena/protocol'

/** A class whose instances listen. */
export type ListenerClass<T extends object = object> = abstract new (...args: never[]) => T

/** Where a mistake was made, as people find it: `OrderListener.onOrder()`. */
export function placeOf(listenerClass: { readonly name: string }, method?: string | symbol): string {
  const className = listenerClass.name === '' ? 'an unnamed class' : listenerClass.name
  return method === undefined ? className : `${className}.${String(method)}()`
}

/** Collects what is wrong with the listeners, so that a user sees all of it at once and not one mistake per start. */
export class Problems {
  readonly #found: string[] = []

  /** Notes one mistake; `text` is a sentence that names the remedy. */
  add(where: string, text: string): void {
    this.#found.push(`${where}: ${text}`)
  }

  get count(): number {
    return this.#found.length
  }

  /** @throws KafkaUsageError that lists every mistake noted so far, if there is one */
  throwIfAny(): void {
    const [first] = this.#found
    if (first === undefined) return
    if (this.#found.length === 1) throw new KafkaUsageError(first)
    const list = this.#found.map((problem) => `\n  - ${problem}`).join('')
    throw new KafkaUsageError(`The listeners cannot be started, for ${this.#found.length} reasons:${list}`)
  }
}

/** The sentence of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
