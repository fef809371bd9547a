import { KafkaError } from '@milena/protocol'

/** What made a container fail. */
export interface ContainerFailure {
  readonly cause: unknown
}

/** Those who wait for a container to be at rest. */
export class EndWaiters {
  #waiters: { readonly resolve: () => void; readonly reject: (cause: unknown) => void }[] = []

  wait(): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  /** The container is at rest. */
  tell(failure: ContainerFailure | undefined): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const { resolve, reject } of waiters) {
      if (failure === undefined) resolve()
      else reject(asError(failure.cause))
    }
  }
}

/** A cause to reject with: an error as it is, anything else in one. */
export function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new KafkaError(`The container has failed: ${String(cause)}`, { cause })
}
