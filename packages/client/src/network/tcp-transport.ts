import { lookup } from 'node:dns/promises'
import { createConnection, isIP, type Socket } from 'node:net'
import { KafkaConnectionError } from '@milena/protocol'
import type { Clock, Transport, TransportHandlers, TransportSocket } from '@milena/protocol/runtime'
import { abortedError, isAborted } from './aborted.js'
import { formatAddress, type Address } from '../cluster/address.js'

/**
 * The Transport that speaks TCP. A host with several addresses (IPv4 and IPv6, or round-robin DNS) is tried address by
 * address, in the order the resolver gives them; the first that answers wins and each gets a fair share of the time left.
 */
export function createTcpTransport(clock: Clock): Transport {
  return {
    async connect(address, { timeoutMs, handlers, signal }) {
      const deadline = clock.now() + timeoutMs
      if (signal?.aborted) throw abortedError(signal)
      const candidates = await resolveHost(clock, address, timeoutMs)
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
            handlers,
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

async function resolveHost(clock: Clock, address: Address, timeoutMs: number): Promise<string[]> {
  if (isIP(address.host) !== 0) return [address.host]
  // The resolver of the system cannot be interrupted; a bound around it keeps a dead DNS server from holding up the caller.
  let timer: { cancel(): void } | undefined
  try {
    const answers = await Promise.race([
      lookup(address.host, { all: true }),
      new Promise<never>((_, reject) => {
        timer = clock.setTimer(() => {
          reject(
            new KafkaConnectionError(
              `The host name ${address.host} was not resolved within ${Math.round(timeoutMs)} ms.`,
            ),
          )
        }, timeoutMs)
      }),
    ])
    return [...new Set(answers.map((answer) => answer.address))]
  } catch (error) {
    if (KafkaConnectionError.is(error)) throw error
    throw new KafkaConnectionError(`The host name ${address.host} cannot be resolved (${reasonOf(error)}).`, {
      cause: error,
    })
  } finally {
    timer?.cancel()
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
