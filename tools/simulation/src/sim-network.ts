import { KafkaConnectionError, KafkaTimeoutError } from '@milena/protocol'
import type {
  Transport,
  TransportAddress,
  TransportConnectOptions,
  TransportSocket,
  VirtualClock,
} from '@milena/protocol/runtime'
import type { Dice } from './dice.js'
import { Pipe, SimLink } from './sim-link.js'
import type { SimProcess } from './sim-process.js'
import { WireTap, type WireObserver } from './wire-tap.js'

/** How a connection comes to its end without either side having wanted it. */
export type Cut =
  /** Both sides hear of it. */
  | 'reset'
  /** The broker's side is gone, and the client hears nothing. */
  | 'half-open'

/** A connection that stands, as the faults see it. */
interface OpenSocket {
  readonly process: SimProcess
  readonly nodeId: number
  readonly cut: (how: Cut) => void
}

/**
 * All connections of all processes: over the embedded broker's own network in memory, with weather in between and a tap on each.
 */
export class SimNetwork {
  readonly #links = new Map<string, SimLink>()
  readonly #sockets = new Set<OpenSocket>()

  constructor(
    private readonly given: {
      readonly clock: VirtualClock
      readonly dice: Dice
      readonly inner: Transport
      readonly nodeAt: (address: TransportAddress) => number
      readonly observer: WireObserver
      /** The weather of a new link. */
      readonly baseMs: number
      readonly jitterMs: number
    },
  ) {}

  link(process: SimProcess, nodeId: number): SimLink {
    const name = `${process.name}>${nodeId}`
    let link = this.#links.get(name)
    if (link === undefined) {
      link = new SimLink(this.given.dice.fork())
      this.calm(link)
      this.#links.set(name, link)
    }
    return link
  }

  /** Gives a link its fair weather back. */
  calm(link: SimLink): void {
    link.baseMs = this.given.baseMs
    link.jitterMs = this.given.jitterMs
    link.mend()
  }

  calmAll(): void {
    for (const link of this.#links.values()) this.calm(link)
  }

  /** Cuts the connections that stand between a process and a broker, of those given. */
  cut(how: Cut, where: { readonly process?: SimProcess | undefined; readonly nodeId?: number | undefined }): number {
    const hit = [...this.#sockets].filter(
      ({ process, nodeId }) =>
        (where.process === undefined || process === where.process) &&
        (where.nodeId === undefined || nodeId === where.nodeId),
    )
    for (const { cut } of hit) cut(how)
    return hit.length
  }

  /** Connections that a process holds open. */
  socketsOf(wanted: SimProcess): number {
    return [...this.#sockets].filter(({ process }) => process === wanted).length
  }

  transportOf(process: SimProcess): Transport {
    return { connect: (address, options) => this.#connect(process, address, options) }
  }

  #connect(process: SimProcess, address: TransportAddress, options: TransportConnectOptions): Promise<TransportSocket> {
    const { clock } = this.given
    const nodeId = this.given.nodeAt(address)
    const link = this.link(process, nodeId)
    const place = `${address.host}:${address.port}`
    return new Promise((resolve, reject) => {
      let isSettled = false
      const settle = (fn: () => void): void => {
        if (isSettled) return
        isSettled = true
        timer.cancel()
        options.signal?.removeEventListener('abort', abort)
        fn()
      }
      const abort = (): void =>
        settle(() =>
          reject(new KafkaConnectionError(`Connecting to ${place} was given up.`, { cause: options.signal?.reason })),
        )
      const timer = process.clock.setTimer(
        () =>
          settle(() =>
            reject(new KafkaTimeoutError(`Connecting to ${place} took longer than ${options.timeoutMs} ms.`)),
          ),
        options.timeoutMs,
      )
      if (options.signal?.aborted === true) return abort()
      options.signal?.addEventListener('abort', abort, { once: true })
      const attempt = (): void => {
        if (isSettled || process.isDead) return
        if (link.isHeld('out') || link.isHeld('in')) return link.whenMended(attempt)
        this.#open(process, nodeId, link, address, options).then(
          (socket) => process.run(() => (isSettled ? socket.close() : settle(() => resolve(socket)))),
          (error: Error) => process.run(() => settle(() => reject(error))),
        )
      }
      const delayMs = link.delayMs()
      if (delayMs > 0) clock.setTimer(attempt, delayMs)
      else attempt()
    })
  }

  async #open(
    process: SimProcess,
    nodeId: number,
    link: SimLink,
    address: TransportAddress,
    { handlers, timeoutMs }: TransportConnectOptions,
  ): Promise<TransportSocket> {
    const { clock, inner } = this.given
    /** The client's side is open: it may still hear things. */
    let isOpen = true
    const endClient = (error?: Error): void => {
      if (!isOpen) return
      isOpen = false
      toClient.break()
      this.#sockets.delete(open)
      process.run(() => {
        tap.closedAtClient()
        handlers.close(error)
      })
    }
    const toClient = new Pipe(clock, link, 'in', (bytes) => {
      if (bytes === undefined) return endClient()
      process.run(() => {
        if (!isOpen) return
        tap.delivered(bytes)
        handlers.data(bytes)
      })
    })
    const socket = await inner.connect(address, {
      timeoutMs,
      handlers: {
        data: (bytes) => {
          for (const each of tap.answered(bytes)) toClient.push(each)
        },
        close: () => {
          tap.closedAtBroker()
          toClient.push(undefined)
        },
      },
    })
    const toBroker = new Pipe(clock, link, 'out', (bytes) => {
      if (bytes === undefined) socket.close()
      else socket.write(bytes)
    })
    const tap = new WireTap(this.given.observer, process, nodeId)
    const open: OpenSocket = {
      process,
      nodeId,
      cut: (how) => {
        toBroker.break()
        toClient.break()
        tap.closedAtBroker()
        socket.close()
        if (how === 'reset') endClient(new KafkaConnectionError('The connection was reset.'))
      },
    }
    this.#sockets.add(open)
    return {
      write: (bytes) => {
        if (!isOpen || process.isDead) return
        tap.requested(bytes)
        toBroker.push(bytes)
      },
      close: () => {
        if (!isOpen) return
        toBroker.push(undefined)
        queueMicrotask(() => endClient())
      },
      localAddress: `simulated:${process.name}`,
    }
  }
}
