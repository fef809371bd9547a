import { setTimeout as sleep } from 'node:timers/promises'
import type { TransportAddress } from '@milena/protocol/runtime'
import type { Target } from './target.js'
import { tcpTransport } from './wire.js'

/** Far above any wait of a sequence: what takes longer never comes. */
const SILENCE_MS = 20_000

/** A broker behind a socket, with the time of the world. */
export function kafkaTarget(address: TransportAddress): Target {
  return {
    name: 'kafka',
    transport: tcpTransport,
    address,
    now: () => performance.now(),
    date: () => Date.now(),
    wait: (ms) => sleep(ms),
    answered: (answer, ms) => within(answer, ms + SILENCE_MS),
    close: async () => {},
  }
}

async function within<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${ms} ms.`)), ms)
  })
  try {
    return await Promise.race([answer, silence])
  } finally {
    clearTimeout(timer)
  }
}
