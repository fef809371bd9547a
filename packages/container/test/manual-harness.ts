import type { ContainerProperties, ShareAcknowledgment } from '../src/index.js'
import { ContainerHarness } from './container-harness.js'
import type { TestRecord } from './fake-engine.js'

/** A container in MANUAL mode whose handles are kept, by offset. */
export class ManualHarness extends ContainerHarness {
  readonly handles: ShareAcknowledgment[]
  readonly signals: AbortSignal[]
  readonly seen: number[]

  constructor(
    properties: ContainerProperties = {},
    listener: (record: TestRecord, acknowledgment: ShareAcknowledgment, signal: AbortSignal) => unknown = () =>
      undefined,
    { takesSignal }: { readonly takesSignal?: boolean } = {},
  ) {
    const handles: ShareAcknowledgment[] = []
    const signals: AbortSignal[] = []
    const seen: number[] = []
    super({
      properties: { shareAckMode: 'MANUAL', ...properties },
      acknowledging: true,
      ...(takesSignal === undefined ? {} : { takesSignal }),
      listener: (record, acknowledgment, _consumer, signal) => {
        if (acknowledgment === undefined) throw new Error('no handle')
        seen.push(record.offset)
        handles[record.offset] = acknowledgment
        signals[record.offset] = signal
        return listener(record, acknowledgment, signal)
      },
    })
    this.handles = handles
    this.signals = signals
    this.seen = seen
  }

  /** The handle of the record at this offset. */
  handle(offset: number): ShareAcknowledgment {
    const handle = this.handles[offset]
    if (handle === undefined) throw new Error(`nothing was delivered at offset ${offset}`)
    return handle
  }
}
