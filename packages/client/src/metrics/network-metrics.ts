import type { Clock } from '@milena/protocol/runtime'
import { Sensor } from './sensor.js'

/** What goes over the connections of one client: all of them together, those of its members included. */
export class NetworkMetrics {
  readonly created: Sensor
  readonly closed: Sensor
  /** Bytes of requests, one value each. */
  readonly sent: Sensor
  /** Bytes read, one value for each time. */
  readonly received: Sensor
  /** Milliseconds from a request to its answer, as far as somebody waited for it. */
  readonly latency: Sensor

  constructor(clock: Clock) {
    this.created = new Sensor(clock)
    this.closed = new Sensor(clock)
    this.sent = new Sensor(clock)
    this.received = new Sensor(clock)
    this.latency = new Sensor(clock)
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.created.count - this.closed.count
  }
}
