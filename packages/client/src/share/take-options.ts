/** What take() may be told. */
export interface TakeOptions {
  /** Rejects the take with code ABORTED. */
  readonly signal?: AbortSignal | undefined
  /** About how many records to hand out (acquired ranges are not cut); default: one fetch's worth. */
  readonly max?: number | undefined
  /**
   * How many records may be handed out and unanswered: waits until there are fewer, and hands out no more than the difference,
   * cutting ranges where need be. Default: no bound.
   */
  readonly maxInFlight?: number | undefined
  /** Do not wait: take what is there, which may be nothing. Default false. */
  readonly atOnce?: boolean | undefined
  /**
   * With maxInFlight: what is handed out is answered as a whole before the next records are taken, at whatever pace. Nothing is
   * fetched ahead then that is less than what was taken for at once, since it would be the next batch. Default false.
   */
  readonly batch?: boolean | undefined
}
