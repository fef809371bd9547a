import type { Logger } from '@milena/protocol/runtime'
import type { AcknowledgementVerdict } from './verdict.js'

/** Tells every verdict to whoever asked for them; one listener that throws costs the others nothing. */
export class AcknowledgementNews {
  readonly #logger: Logger
  readonly #listeners = new Set<(verdict: AcknowledgementVerdict) => void>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Returns the function that ends it. */
  on(listener: (verdict: AcknowledgementVerdict) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(verdict: AcknowledgementVerdict): void {
    for (const listener of this.#listeners) {
      try {
        listener(verdict)
      } catch (error) {
        this.#logger.error({ err: error }, 'an acknowledgement listener threw')
      }
    }
  }
}
