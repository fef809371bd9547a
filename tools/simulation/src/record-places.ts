/** A run of offsets in one partition. */
export interface LostRange {
  readonly partition: { readonly topic: string; readonly partition: number }
  readonly firstOffset: number
  readonly lastOffset: number
  readonly deliveryCount: number
}

/** A record as applications get it. */
export interface HandedOutRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly deliveryCount: number
}
