import { KafkaBrokerError, KafkaConnectionError, KafkaTimeoutError, ErrorCode } from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { afterEach, expect, it } from 'vitest'
import { resolveClientConfig } from '../../src/config/client-config.js'
import { KafkaClientContext } from '../../src/cluster/kafka-client-context.js'
import { MEMBERSHIP_LOST, MemberFailures } from '../../src/share/member-failures.js'

// Which failures of a member its application hears of, and which are old news.

const clock = new VirtualClock()
const context = KafkaClientContext.create(
  resolveClientConfig({
    bootstrapServers: 'a:1',
    logger: silentLogger,
    runtime: { clock, random: new SeededRandom(1) },
  }),
)

afterEach(() => clock.advance(60_000))

const outage = (): KafkaConnectionError => new KafkaConnectionError('The broker is gone.')
const loss = new KafkaTimeoutError('No heartbeat was answered.', { code: MEMBERSHIP_LOST })

it('an outage is told once, however many parts of the member meet it', () => {
  const failures = new MemberFailures(context, 'workers')
  const first = outage()
  expect([failures.passing(first), failures.passing(outage())]).toEqual([true, false])
  expect(failures.next()).toBe(first)
  expect(failures.passing(outage())).toBe(false)
  expect(failures.next()).toBeUndefined()
})

it('that the member holds itself lost is told also while an outage is pending, or was told just now', () => {
  const failures = new MemberFailures(context, 'workers')
  failures.passing(outage())
  expect(failures.passing(loss)).toBe(true)
  expect(failures.next()).toBe(loss)
  failures.told(outage())
  expect(failures.passing(loss)).toBe(true)
  expect(failures.next()).toBe(loss)
  expect(failures.passing(outage())).toBe(false)
})

it('it takes the place of what is told again while it lasts', () => {
  const failures = new MemberFailures(context, 'workers')
  failures.passing(KafkaBrokerError.of(ErrorCode.TOPIC_AUTHORIZATION_FAILED, { api: 'ShareGroupHeartbeat' }))
  failures.passing(loss)
  expect(failures.next()).toBe(loss)
  expect(failures.next()).toBeUndefined()
})
