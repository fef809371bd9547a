import { KafkaConnectionError } from '@milena/protocol'
import type { Transport, TransportConnectOptions, TransportSocket } from '@milena/protocol/runtime'
import type { ConnectionSink } from './client-connection.js'

/** The broker's side of a new connection. */
export interface AcceptedConnection {
  receive(chunk: Buffer): void
  /** What was written is out: more may be. */
  drained(): void
  close(): void
}

/** Takes a connection in, or refuses it (undefined) as a port does on which nothing listens. */
export type Accept = (sink: ConnectionSink, clientHost: string) => AcceptedConnection | undefined

/**
 * Connections in memory. Bytes arrive in a microtask of their own, in order: nothing happens inside of write(), and on a
 * virtual clock everything that follows from a request has happened when advance() resolves.
 */
export class MemoryNetwork implements Transport {
  readonly #listeners = new Map<string, Accept>()

  /** `address` is `host:port`. */
  listen(address: string, accept: Accept): void {
    this.#listeners.set(address, accept)
  }

  unlisten(address: string): void {
    this.#listeners.delete(address)
  }

  connect({ host, port }: { host: string; port: number }, options: TransportConnectOptions): Promise<TransportSocket> {
    const { handlers, signal } = options
    const address = `${host}:${port}`
    if (signal?.aborted === true) {
      return Promise.reject(
        new KafkaConnectionError(`Connecting to ${address} was given up.`, { cause: signal.reason }),
      )
    }
    let isOpen = true
    let held: Buffer[] | undefined
    const sink: ConnectionSink = {
      write: (bytes) => {
        queueMicrotask(() => {
          if (isOpen) handlers.data(bytes)
        })
        return true
      },
      end: () => {
        if (!isOpen) return
        // Behind the bytes that were written before.
        queueMicrotask(() => {
          if (!isOpen) return
          isOpen = false
          handlers.close()
        })
      },
      pause: () => {
        held ??= []
      },
      resume: () => {
        const chunks = held ?? []
        held = undefined
        for (const chunk of chunks) deliver(chunk)
      },
    }
    const accepted = this.#listeners.get(address)?.(sink, '127.0.0.1')
    if (accepted === undefined) {
      return Promise.reject(
        new KafkaConnectionError(`Cannot connect to ${address}: no embedded broker listens there in memory.`),
      )
    }
    const deliver = (chunk: Buffer): void => {
      if (!isOpen) return
      if (held === undefined) queueMicrotask(() => accepted.receive(chunk))
      else held.push(chunk)
    }
    return Promise.resolve({
      write: deliver,
      close: () => {
        if (!isOpen) return
        isOpen = false
        queueMicrotask(() => {
          accepted.close()
          handlers.close()
        })
      },
      localAddress: `memory:${address}`,
    })
  }
}
