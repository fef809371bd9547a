import { EmbeddedBroker } from '@milena/embedded-broker'
import { shortWaits } from '@milena/tools-kafka'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { authority, clientCertificate, clientKey, serverCertificate, serverKey } from '../security/certificates.js'
import { describeKafkaTools } from './kafka-tools.js'

const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule'
const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule'

function sasl(mechanism: string, username: string, password: string): Record<string, string> {
  const login = mechanism === 'PLAIN' ? plain : scram
  return {
    'security.protocol': 'SASL_PLAINTEXT',
    'sasl.mechanism': mechanism,
    'sasl.jaas.config': `${login} required username="${username}" password="${password}";`,
  }
}

/** PEM text in one line of a properties file. */
const inOneLine = (pem: string) => pem.trim().split('\n').join(' \n').replaceAll('\n', '')

// On the embedded broker only: real Kafka is started without security here. What is judged are Kafka's own clients, whose words
// for a refusal come from what the broker answered.
describeKafkaTools(
  "Kafka's tools and a broker with security",
  (_, tools) => {
    let broker: EmbeddedBroker
    let tlsBroker: EmbeddedBroker

    beforeAll(async () => {
      broker = await EmbeddedBroker.start({
        topics: ['orders', 'payments'],
        serverProperties: shortWaits,
        security: {
          sasl: {
            users: [
              { name: 'admin', password: 'admin-secret' },
              { name: 'alice', password: 'alice-secret' },
            ],
          },
          authorization: {
            superUsers: ['User:admin'],
            rules: [
              { principal: 'User:alice', operation: 'Read', resourceType: 'Topic', name: 'orders' },
              {
                principal: 'User:alice',
                operation: 'Read',
                resourceType: 'Group',
                name: 'team-',
                patternType: 'prefixed',
              },
            ],
          },
        },
      })
      broker.setGroupConfig('team-a', { 'share.auto.offset.reset': 'earliest', 'share.heartbeat.interval.ms': '100' })
      broker.append('orders', [{ value: 'an order' }])
      tlsBroker = await EmbeddedBroker.start({
        topics: ['orders'],
        security: {
          tls: { key: serverKey, cert: serverCertificate, ca: authority, requestCert: true },
          authorization: {
            rules: [
              {
                principal: 'User:CN=alice,O=Milena,C=DE',
                operation: 'Describe',
                resourceType: 'Topic',
                name: 'orders',
              },
            ],
          },
        },
      })
    })
    afterAll(async () => {
      await broker.stop()
      await tlsBroker.stop()
    })

    const list = (mechanism: string, username: string, password: string) =>
      tools.run('TopicCommand', ['--list'], {
        at: broker.bootstrapServers,
        config: sasl(mechanism, username, password),
      })
    const consoleAs = (user: string, topic: string, group: string, timeoutMs: number) =>
      tools.run(
        'consumer.ConsoleShareConsumer',
        ['--topic', topic, '--group', group, '--max-messages', '1', '--timeout-ms', String(timeoutMs)],
        { at: broker.bootstrapServers, config: sasl('SCRAM-SHA-256', user, `${user}-secret`) },
      )

    it.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])('lets TopicCommand in over SASL %s', async (mechanism) => {
      expect(await list(mechanism, 'admin', 'admin-secret')).toMatchObject({ code: 0, lines: ['orders', 'payments'] })
    })

    it.each([
      ['PLAIN', 'SaslAuthenticationException: Authentication failed: Invalid username or password'],
      [
        'SCRAM-SHA-512',
        'SaslAuthenticationException: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512',
      ],
    ])('refuses TopicCommand with a wrong password over SASL %s', async (mechanism, words) => {
      const run = await list(mechanism, 'admin', 'guessed')
      expect(run.code).toBe(1)
      expect(run.output).toContain(words)
    })

    it('shows a user only the topics it may know, and lets it create none', { timeout: 60_000 }, async () => {
      expect((await list('PLAIN', 'alice', 'alice-secret')).lines).toEqual(['orders'])
      const refused = await tools.run('TopicCommand', ['--create', '--topic', 'mine'], {
        at: broker.bootstrapServers,
        config: sasl('PLAIN', 'alice', 'alice-secret'),
      })
      expect(refused.code).toBe(1)
      expect(refused.output).toContain('TopicAuthorizationException')
      expect(broker.inspect().topics.map(({ name }) => name)).toEqual(['orders', 'payments'])
    })

    it('lets ConsoleShareConsumer read what its user may, in a group it may', { timeout: 60_000 }, async () => {
      const read = await consoleAs('alice', 'orders', 'team-a', 20_000)
      expect(read.lines).toContain('an order')
      // It tells what it was refused when its wait for a record is over.
      expect((await consoleAs('alice', 'payments', 'team-b', 1_500)).output).toContain(
        'TopicAuthorizationException: Not authorized to access topics: [payments]',
      )
      expect((await consoleAs('alice', 'orders', 'others', 1_500)).output).toContain(
        'GroupAuthorizationException: Not authorized to access group: others',
      )
    })

    it('tells ProducerPerformance that its user may not write', { timeout: 60_000 }, async () => {
      const write = async (idempotence: boolean) => {
        const args = ['--topic', 'orders', '--num-records', '1', '--record-size', '10', '--throughput', '-1']
        const { output } = await tools.run(
          'ProducerPerformance',
          [...args, '--command-property', `enable.idempotence=${idempotence}`],
          { at: broker.bootstrapServers, config: sasl('PLAIN', 'alice', 'alice-secret') },
        )
        return output
      }
      // Who may write to no topic at all gets no producer id either.
      expect(await write(true)).toContain('ClusterAuthorizationException: Cluster authorization failed.')
      expect(await write(false)).toContain('TopicAuthorizationException: Not authorized to access topics: [orders]')
      expect(await broker.records('orders')).toHaveLength(1)
    })

    it('knows a client by its certificate over TLS, and refuses one without', { timeout: 60_000 }, async () => {
      const trusting = {
        'security.protocol': 'SSL',
        'ssl.truststore.type': 'PEM',
        'ssl.truststore.certificates': inOneLine(authority),
      }
      const listOver = (config: Record<string, string>) =>
        tools.run('TopicCommand', ['--list'], { at: tlsBroker.bootstrapServers, config })
      const own = {
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.certificate.chain': inOneLine(clientCertificate),
        'ssl.keystore.key': inOneLine(clientKey),
      }
      expect(await listOver({ ...trusting, ...own })).toMatchObject({ code: 0, lines: ['orders'] })
      const anonymous = await listOver(trusting)
      expect(anonymous.code).toBe(1)
      expect(anonymous.output).toMatch(/SslAuthenticationException|TimeoutException|Timed out/)
    })
  },
  { on: ['embedded'] },
)
