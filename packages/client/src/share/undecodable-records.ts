import { AcknowledgeType } from './acknowledge-type.js'
import type { RecordDeserializationFailure } from './record-failure.js'
import type { ShareEngine } from './share-engine.js'

type Answering = Pick<ShareEngine<unknown, unknown>, 'holds' | 'settle'>

// The undecodable records that a consumer holds, from the fetch to their answer: first untold, then told to the
// application, which may answer them by their position; what it does not answer is RELEASEd.

export class UndecodableRecords {
  #untold: RecordDeserializationFailure[] = []
  #told: RecordDeserializationFailure[] = []

  /** They came with a batch; a later poll throws them one by one. */
  add(failures: readonly RecordDeserializationFailure[]): void {
    for (const failure of failures) this.#untold.push(failure)
  }

  /** They were handed out as items of an iteration. */
  tell(failures: readonly RecordDeserializationFailure[]): void {
    for (const failure of failures) this.#told.push(failure)
  }

  /** Throws the error of the next one that was not told yet. What is not held any more is the group's to deliver again. */
  throwNext(engine: Answering): void {
    for (let failure = this.#untold.shift(); failure !== undefined; failure = this.#untold.shift()) {
      if (!engine.holds(failure)) continue
      this.#told.push(failure)
      throw failure.error
    }
  }

  find(topic: string, partition: number, offset: number): RecordDeserializationFailure | undefined {
    const isIt = (f: RecordDeserializationFailure): boolean =>
      f.topic === topic && f.partition === partition && f.offset === offset
    return this.#told.find(isIt) ?? this.#untold.find(isIt)
  }

  /** RELEASEs those that were told and not answered, and forgets them. */
  releaseTold(engine: Answering): void {
    const told = this.#told
    if (told.length === 0) return
    this.#told = []
    for (const failure of told) if (engine.holds(failure)) engine.settle(failure, AcknowledgeType.RELEASE)
  }

  /** The same with all. */
  releaseAll(engine: Answering): void {
    this.tell(this.#untold)
    this.#untold = []
    this.releaseTold(engine)
  }
}
