import { ApiVersions, Metadata } from '@milena/protocol'
import { silentLogger } from '@milena/protocol/runtime'
import { expect, it } from 'vitest'
import { withEmbeddedBroker } from '../../src/index.js'
import { RawClient } from '../raw-client.js'

it.each([
  [
    'at once',
    () => {
      throw new Error('a hook that fails')
    },
  ],
  ['later', () => Promise.reject(new Error('a hook that fails'))],
])('A request whose serving fails %s ends its connection with an error line, and nothing else', async (_, hook) => {
  const errors: string[] = []
  const logger = { ...silentLogger, error: (_facts: object, message: string) => void errors.push(message) }
  await withEmbeddedBroker(
    async (broker) => {
      broker.intercept('Metadata', hook, { times: 1 })
      const [client, other] = [await RawClient.connect(broker), await RawClient.connect(broker)]
      await expect(client.send(Metadata, 12, { topics: [] })).rejects.toThrow('The connection was closed.')
      expect(errors).toEqual([expect.stringContaining('a hook that fails')])
      expect(
        (await other.send(ApiVersions, 3, { clientSoftwareName: 'a', clientSoftwareVersion: '1' })).errorCode,
      ).toBe(0)
    },
    { network: 'memory', logger },
  )
})
