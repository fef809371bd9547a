/**
 * What everything else is given: clock, chance, logger, transport.
 *
 * @module @milena/protocol/runtime
 */

export type { Clock, Timer, TimerOptions } from './clock.js'
export { systemClock } from './system-clock.js'
export { VirtualClock } from './virtual-clock.js'
export { SeededRandom, systemRandom, type Random } from './random.js'
export { silentLogger, type Logger, type LogLevel, type LogMethod } from './logger.js'
export type {
  Transport,
  TransportAddress,
  TransportConnectOptions,
  TransportHandlers,
  TransportSocket,
} from './transport.js'
