import { DescribeCluster, ErrorCode, ListPartitionReassignments, UpdateFeatures } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { adminClient, onlyAllowed } from './admin-client.js'

describe('DescribeCluster', () => {
  it('tells live brokers, and dead ones when asked', async () => {
    const { broker, client } = await adminClient({ brokers: 3 })
    await broker.kill(2)
    const ask = async (includeFencedBrokers: boolean) => {
      const answer = await client.send(DescribeCluster, 2, {
        includeClusterAuthorizedOperations: true,
        includeFencedBrokers,
      })
      expect(answer).toMatchObject({
        errorCode: 0,
        endpointType: 1,
        controllerId: 1,
        clusterAuthorizedOperations: 8096,
      })
      return answer.brokers.map(({ brokerId, isFenced }) => [brokerId, isFenced])
    }
    expect(await ask(false)).toEqual([
      [1, false],
      [3, false],
    ])
    expect(await ask(true)).toEqual([
      [1, false],
      [2, true],
      [3, false],
    ])
  })

  it('serves old versions, without saying what may be done', async () => {
    const { client } = await adminClient()
    const answer = await client.send(DescribeCluster, 0, { includeClusterAuthorizedOperations: false })
    expect(answer.brokers).toHaveLength(1)
    expect(answer.clusterAuthorizedOperations).toBe(-2147483648)
  })

  it('is no controller', async () => {
    const { client } = await adminClient()
    const ask = (endpointType: number) =>
      client.send(DescribeCluster, 1, { includeClusterAuthorizedOperations: false, endpointType })
    expect(await ask(2)).toMatchObject({ errorCode: ErrorCode.MISMATCHED_ENDPOINT_TYPE, clusterId: '', brokers: [] })
    expect(await ask(9)).toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, brokers: [] })
  })
})

describe('ListPartitionReassignments', () => {
  it('has none to tell', async () => {
    const { client } = await adminClient({ topics: ['orders'] })
    expect(await client.send(ListPartitionReassignments, 0, { topics: null })).toMatchObject({
      errorCode: 0,
      topics: [],
    })
    const denied = await adminClient({ security: onlyAllowed(['Describe', 'Topic', '*']) })
    expect(await denied.client.send(ListPartitionReassignments, 0, {})).toMatchObject({
      errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    })
  })
})

describe('UpdateFeatures', () => {
  const world = async (options: Parameters<typeof adminClient>[0] = {}) => {
    const { broker, client } = await adminClient(options)
    const update = (maxVersionLevel: number, upgradeType: number, version = 2, validateOnly = false) =>
      client.send(UpdateFeatures, version, {
        featureUpdates: [{ feature: 'share.version', maxVersionLevel, upgradeType }],
        validateOnly,
      })
    return { broker, client, update }
  }

  it('turns share groups off and on', async () => {
    const { update } = await world()
    expect(await update(0, 2)).toMatchObject({ errorCode: 0, errorMessage: null, results: [] })
    expect(await update(0, 1)).toMatchObject({ errorCode: 0 })
    expect(await update(2, 1, 1)).toMatchObject({
      errorCode: 0,
      results: [{ feature: 'share.version', errorCode: 0, errorMessage: 'NONE' }],
    })
  })

  it('says in one sentence why nothing was changed', async () => {
    const { update } = await world()
    expect(await update(3, 1)).toMatchObject({
      errorCode: ErrorCode.INVALID_UPDATE_VERSION,
      errorMessage:
        'The update failed for all features since the following feature had an error: Invalid update version 3 for feature share.version. Local controller 1 only supports versions 0-2',
    })
    expect(await update(1, 1)).toMatchObject({ errorCode: ErrorCode.INVALID_UPDATE_VERSION })
  })

  it('lowers in version 0 only where that is allowed', async () => {
    const { client } = await world()
    const update = (allowDowngrade: boolean) =>
      client.send(UpdateFeatures, 0, {
        featureUpdates: [{ feature: 'share.version', maxVersionLevel: 1, allowDowngrade }],
      })
    expect(await update(false)).toMatchObject({ errorCode: ErrorCode.INVALID_UPDATE_VERSION })
    expect(await update(true)).toMatchObject({ errorCode: 0 })
  })

  it('needs the right to alter the cluster', async () => {
    const { update } = await world({ security: onlyAllowed(['Describe', 'Cluster', 'kafka-cluster']) })
    expect(await update(0, 2)).toMatchObject({ errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED })
  })
})
