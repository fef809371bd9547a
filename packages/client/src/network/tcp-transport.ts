import { createConnection, isIP, type Socket } from 'node:net'
import { KafkaConnectionError, KafkaTimeoutError } from '@milena/protocol'
import type { Clock, Transport, TransportHandlers, TransportSocket } from '@milena/protocol/runtime'
import { abortedError, isAborted } from './aborted.js'
import { formatAddress, type Address } from '../cluster/address.js'
import { systemResolver, type HostResolver } from './host-resolver.js'
import { within } from './within.js'

/**
 * The Transport that speaks TCP. A host with several addresses (IPv4 and IPv6, or round-robin DNS) is resolved anew for each
 * connection and tried address by address, in the order the resolver gives them; the first that takes the connection wins and
 * each gets a fair share of the time left. An address that took the last connection and never sent a byte is tried last.
 */
export function createTcpTransport(clock: Clock, resolver: HostResolver = systemResolver): Transport {
  /** By `host:port`: the address that took a connection and said nothing on it. */
  const mute = new Map<string, string>()
  return {
    async connect(address, { timeoutMs, handlers, signal }) {
      const deadline = clock.now() + timeoutMs
      if (signal?.aborted) throw abortedError(signal)
      const name = formatAddress(address)
      const hosts = await resolveHost(resolver, address, { clock, timeoutMs, signal })
      const candidates = muteLast(hosts, mute.get(name))
      const failures: { readonly host: string; readonly reason: string }[] = []
      for (const [index, host] of candidates.entries()) {
        if (signal?.aborted) throw abortedError(signal)
        const left = deadline - clock.now()
        if (left <= 0) break
        try {
          return await connectTo(
            clock,
            { host, port: address.port },
            left / (candidates.length - index),
            candidates.length === 1 ? handlers : noteMute(handlers, { mute, name, host }),
            signal,
          )
        } catch (error) {
          if (isAborted(error)) throw error
          failures.push({ host, reason: reasonOf(error) })
        }
      }
      const reasons = failures.map(({ host, reason }) => (host === address.host ? reason : `${host}: ${reason}`))
      const detail = reasons.length === 0 ? `no time left after resolving the name` : reasons.join('; ')
      throw new KafkaConnectionError(`Cannot connect to ${formatAddress(address)} (${detail}).`)
    },
  }
}

function muteLast(candidates: readonly string[], mute: string | undefined): readonly string[] {
  if (mute === undefined || !candidates.includes(mute)) return candidates
  return [...candidates.filter((host) => host !== mute), mute]
}

/** The same handlers, which note besides whether the peer ever said something. */
function noteMute(
  handlers: TransportHandlers,
  { mute, name, host }: { readonly mute: Map<string, string>; readonly name: string; readonly host: string },
): TransportHandlers {
  let heard = false
  return {
    data: (chunk) => {
      if (!heard) {
        heard = true
        if (mute.get(name) === host) mute.delete(name)
      }
      handlers.data(chunk)
    },
    close: (error) => {
      if (!heard) mute.set(name, host)
      handlers.close(error)
    },
  }
}

async function resolveHost(
  resolver: HostResolver,
  address: Address,
  bounds: { readonly clock: Clock; readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<readonly string[]> {
  if (isIP(address.host) !== 0) return [address.host]
  try {
    // The resolver of the system cannot be interrupted; a bound around it keeps a dead DNS server from holding up the caller.
    return [...new Set(await within(resolver.addresses(address.host), bounds))]
  } catch (error) {
    if (isAborted(error)) throw error
    throw new KafkaConnectionError(
      KafkaTimeoutError.is(error)
        ? `The host name ${address.host} was not resolved within ${Math.round(bounds.timeoutMs)} ms.`
        : `The host name ${address.host} cannot be resolved (${reasonOf(error)}).`,
      { cause: error },
    )
  }
}

function connectTo(
  clock: Clock,
  address: Address,
  timeoutMs: number,
  handlers: TransportHandlers,
  signal: AbortSignal | undefined,
): Promise<TransportSocket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: address.host, port: address.port })
    const timer = clock.setTimer(() => fail(new Error(`no answer within ${Math.round(timeoutMs)} ms`)), timeoutMs)
    const aborted = () => fail(abortedError(signal))
    signal?.addEventListener('abort', aborted, { once: true })
    const settle = () => {
      timer.cancel()
      signal?.removeEventListener('abort', aborted)
      socket.removeListener('error', fail)
    }
    function fail(error: Error): void {
      settle()
      socket.on('error', () => undefined) // a destroyed socket may still report; nobody is left to listen
      socket.destroy()
      reject(error)
    }
    socket.once('error', fail)
    socket.once('connect', () => {
      settle()
      socket.setNoDelay(true)
      socket.setKeepAlive(true, 60_000)
      resolve(attach(socket, handlers))
    })
  })
}

function attach(socket: Socket, handlers: TransportHandlers): TransportSocket {
  let failure: Error | undefined
  socket.on('data', (chunk: Buffer) => handlers.data(chunk))
  socket.on('error', (error) => {
    failure = error
  })
  // Half-closed is closed: a broker that ended its side answers nothing more.
  socket.on('end', () => socket.destroy())
  socket.on('close', () => handlers.close(failure))
  return {
    write: (bytes) => {
      socket.write(bytes)
    },
    close: () => {
      socket.destroy()
    },
    ...(socket.localAddress === undefined
      ? {}
      : { localAddress: formatAddress({ host: socket.localAddress, port: socket.localPort ?? 0 }) }),
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code: unknown = Reflect.get(error, 'code')
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused: nothing listens there'
    case 'ENOTFOUND':
      return 'no such host'
    case 'EAI_AGAIN':
      return 'the name server did not answer'
    case 'ETIMEDOUT':
      return 'connection timed out'
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'host or network not reachable'
    default:
      return error.message
  }
}
