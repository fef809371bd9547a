/**
 * KAFKA-17541 (4.2): a batch that failed often comes alone and in smaller and smaller portions, so that the one record that
 * makes it fail is found before all of them have reached the delivery limit.
 */
export interface RedeliveryThrottle {
  /** Whether a batch whose available records were delivered so often (the most of them) comes alone. */
  readonly isThrottled: (deliveryCount: number) => boolean
  /** Whether the next delivery is the last one, which a record has by itself. */
  readonly isLastAttempt: (deliveryCount: number) => boolean
  /** How many records of a batch of this size are delivered at once; undefined: all. */
  readonly portion: (deliveryCount: number, batchSize: number) => number | undefined
}

export const noThrottle: RedeliveryThrottle = {
  isThrottled: () => false,
  isLastAttempt: () => false,
  portion: () => undefined,
}

export function redeliveryThrottle(deliveryCountLimit: number): RedeliveryThrottle {
  const threshold = Math.max(2, Math.ceil(deliveryCountLimit / 2))
  const isThrottled = (deliveryCount: number): boolean => deliveryCount >= threshold
  return {
    isThrottled,
    isLastAttempt: (deliveryCount) => deliveryCountLimit > 2 && deliveryCount === deliveryCountLimit - 1,
    portion: (deliveryCount, batchSize) =>
      isThrottled(deliveryCount)
        ? Math.max(1, Math.floor(batchSize / 2 ** (deliveryCount - threshold + 1)))
        : undefined,
  }
}
