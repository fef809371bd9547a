import { expect, it } from 'vitest'
import { describeOnClusters, type TestCluster } from '../src/describe-on-clusters.js'

describeOnClusters(
  'The cluster of a suite',
  // Clusters of Kafka have tests of their own, in tools/kafka.
  { brokers: 3, on: ['embedded'] },
  (cluster) => {
    const early = refusal(cluster)

    it('is not there before the tests, and says so', () => {
      expect(String(early)).toContain('before the first test of its suite')
      expect(refusal(cluster)).toBeUndefined()
    })

    it('has its topics on all of its brokers, and keeps them while brokers go and come', async () => {
      const topic = await cluster.createTopic({ partitions: 3 })
      const leaders = async () => {
        const [described] = await cluster.admin.describeTopics([topic])
        return described?.partitions.map(({ leaderId }) => leaderId).toSorted()
      }
      await expect(leaders()).resolves.toEqual(cluster.brokers.map(({ nodeId }) => nodeId))
      const [first] = cluster.brokers
      await first?.kill()
      await expect.poll(leaders).not.toContain(first?.nodeId)
      await first?.restart()
      await expect(leaders()).resolves.toHaveLength(3)
    })
  },
)

function refusal(cluster: TestCluster): unknown {
  try {
    void cluster.bootstrapServers
    return undefined
  } catch (error) {
    return error
  }
}
