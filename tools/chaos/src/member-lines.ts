// What a member process says on standard output, one JSON object a line. The Java member prints the same.

/** Records that a member was handed: partition, first and last offset, delivery count. */
export type HandedOut = readonly [partition: number, firstOffset: number, lastOffset: number, deliveryCount: number]

/** Offsets that were answered: partition, first and last offset. */
export type Answered = readonly [partition: number, firstOffset: number, lastOffset: number]

/** One line. `t` is the wall clock in milliseconds; exactly one of the others is there. */
export interface MemberLine {
  readonly t: number
  readonly received?: readonly HandedOut[]
  /** Records that the application has finished and answers with ACCEPT now. */
  readonly finished?: readonly Answered[]
  /** ACCEPTs that the broker has confirmed. */
  readonly accepted?: readonly Answered[]
  /** Answers that came to nothing, or whose fate nobody told, with `error`. */
  readonly refused?: readonly Answered[]
  /** An error that the application saw (with `refused`: why). */
  readonly error?: string
  /** A record whose number does not belong to its place. */
  readonly foreign?: string
  /** A rejection or exception that nothing caught, or a warning of the runtime. */
  readonly unhandled?: string
  readonly stopping?: true
  /** The consumer is closed; what keeps the process alive still. */
  readonly stopped?: readonly string[]
}

/** The number of the record at a place: the topic is filled in turns, so each record's own number tells where it must be. */
export function numberAt(partition: number, offset: number, partitions: number): number {
  return offset * partitions + partition
}

/** What a member is told, in this order, as the words of its command line. */
export interface MemberOrder {
  readonly bootstrapServers: string
  readonly topic: string
  readonly groupId: string
  readonly name: string
  readonly partitions: number
  /** Records a second that it works off. */
  readonly rate: number
  /** 0: the client's own default. */
  readonly requestTimeoutMs: number
}

export function wordsOf(order: MemberOrder): string[] {
  const { bootstrapServers, topic, groupId, name, partitions, rate, requestTimeoutMs } = order
  return [bootstrapServers, topic, groupId, name, String(partitions), String(rate), String(requestTimeoutMs)]
}

export function readOrder(words: readonly string[]): MemberOrder {
  const [bootstrapServers, topic, groupId, name, partitions, rate, requestTimeoutMs] = words
  if (bootstrapServers === undefined || topic === undefined || groupId === undefined || name === undefined) {
    throw new Error(
      'A member is started by the chaos command: bootstrap servers, topic, group, name, partitions, rate, request timeout.',
    )
  }
  return {
    bootstrapServers,
    topic,
    groupId,
    name,
    partitions: Number(partitions),
    rate: Number(rate),
    requestTimeoutMs: Number(requestTimeoutMs),
  }
}
