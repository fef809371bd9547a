import { describe, expect, it } from 'vitest'
import { textOf } from '../src/repository.js'

// The README's table goes through Spring's page "Kafka Queues (Share Consumer)" (4.1). Its headings and lists are these.

const table = ((await textOf('README.md')).split(/^## /m).find((part) => part.startsWith("Spring's page")) ?? '')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
  .map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  )
const springs = table.map(([feature = '']) => feature)

describe("The README's table of Spring's features", () => {
  it.each([
    ['Share Consumer Factory', 'ShareConsumerFactory'],
    ['Configuration', 'configuration map'],
    ['Constructor Options', 'constructors'],
    ['Deserializer Configuration', 'configureDeserializers'],
    ['Lifecycle Listeners', 'consumerAdded'],
    ['ShareKafkaMessageListenerContainer', 'ShareKafkaMessageListenerContainer'],
    ['Container Properties', 'container properties'],
    ['Lifecycle Events', 'lifecycle events'],
    ['Event Consumption, restart patterns', 'restart patterns'],
    ['Concurrency is Additive', 'additive'],
    ['Configuring Concurrency Programmatically, via Factory, Per-Listener', 'per listener'],
    ['Concurrency Considerations', 'client ids'],
    ['Concurrency with MANUAL Acknowledgment', 'with MANUAL'],
    ['Record Acquisition and Distribution Behavior', 'acquisition'],
    ['Acquire Mode (KIP-1206)', 'share.acquire.mode'],
    ['@KafkaListener with Share Consumers', '@KafkaListener'],
    ['Parameters of listener methods', 'as parameters'],
    ['Share Group Offset Reset', 'offset reset'],
    ['EXPLICIT, MANUAL, IMPLICIT', 'EXPLICIT, MANUAL, IMPLICIT'],
    ['Acknowledgment Mode Comparison', 'comparison of the modes'],
    ['Migration from 4.0', 'explicitShareAcknowledgment'],
    ['Conflict of share.acknowledgement.mode', 'share.acknowledgement.mode'],
    ['Acknowledgment Types', 'ACCEPT, RELEASE, REJECT, RENEW'],
    ['ShareAcknowledgment API', '`ShareAcknowledgment`'],
    ['Basic Message Listener', '`MessageListener`'],
    ['AcknowledgingShareConsumerAwareMessageListener', '`AcknowledgingShareConsumerAwareMessageListener`'],
    ['Acknowledgment Constraints (MANUAL Mode)', 'one terminal answer'],
    ['Validation at startup', 'start-up check'],
    ['Acknowledgment Timeout Detection', 'acknowledgment timeout'],
    ['Synchronous vs Asynchronous Commits', 'syncShareCommits'],
    ['Poll-Level Error Handling', 'poll errors'],
    ['ShareConsumerRecordRecoverer', 'ShareConsumerRecordRecoverer'],
    ['Recoverer Behavior', 'RENEW from a recoverer'],
    ['Difference from Traditional Container Error Handling', 'CommonErrorHandler'],
    ['No dead-letter topic integration', 'dead-letter topic'],
    ['Mixed Acknowledgment Patterns, Conditional Acknowledgment', 'mixed outcomes'],
    ['Poison Message Protection', 'delivery limit'],
    ['Delivery Count is Not Exposed', 'delivery count is not exposed'],
    ['Retry Strategy Recommendations', 'retry by error class'],
    ['Differences from Regular Consumers', 'no partition assignment'],
    ['No Batch Listeners', 'no batch listeners'],
    ['No Message Converters', 'no message converters'],
    ['Poll Constraints', 'unacknowledged records'],
  ])('has a row for %s', (_heading, words) => {
    expect(springs.filter((feature) => feature.includes(words)).length).toBeGreaterThan(0)
  })

  it('says of each row what there is here', () => {
    const rows = table.filter(
      ([feature = '']) => feature !== "Spring's page" && !/^\*\*[^*]+\*\*(, \*\*[^*]+\*\*)?$/.test(feature),
    )
    expect(rows.length).toBeGreaterThan(45)
    for (const [feature, here, where] of rows) {
      expect(here, feature).not.toBe('')
      expect(`${here} ${where}`, feature).toMatch(/\]\(/)
    }
  })
})
