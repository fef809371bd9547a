/** What a behaviour suite can run on. */
export const brokerKinds = ['embedded', 'kafka'] as const

/** embedded: the broker of this repository, in the test's process. kafka: a real Apache Kafka. */
export type BrokerKind = (typeof brokerKinds)[number]

/**
 * The kinds named by MILENA_TEST_BROKERS, separated by commas, or undefined when it is not set (then: every kind that can run).
 *
 * @throws Error for a name that is no kind of broker
 */
export function requestedKinds(setting: string | undefined): BrokerKind[] | undefined {
  if (setting === undefined || setting.trim() === '') return undefined
  return setting.split(',').map((word) => {
    const kind = brokerKinds.find((each) => each === word.trim())
    if (kind === undefined) {
      throw new Error(
        `MILENA_TEST_BROKERS names "${word.trim()}", which is no broker. Give ${brokerKinds.join(', ')} or both, separated by a comma.`,
      )
    }
    return kind
  })
}
