import { describe, expect, it } from 'vitest'
import { askClusterDesk, openClusterDesk } from '../src/cluster-desk.js'

describe('The desk that hands out the Kafka of a run', () => {
  it('starts it once, when the first file asks, and tells all the same', async () => {
    let starts = 0
    const desk = await openClusterDesk(() => Promise.resolve({ bootstrapServers: `127.0.0.1:${++starts}` }))
    expect(starts).toBe(0)
    const answers = await Promise.all([askClusterDesk(desk.port), askClusterDesk(desk.port), askClusterDesk(desk.port)])
    expect(answers).toEqual(Array.from({ length: 3 }, () => ({ bootstrapServers: '127.0.0.1:1' })))
    await desk.close()
  })

  it('starts a cluster of three for those who ask for one, beside the single broker', async () => {
    const asked: number[] = []
    const desk = await openClusterDesk((brokers) => {
      asked.push(brokers)
      return Promise.resolve({ bootstrapServers: `127.0.0.1:${brokers}` })
    })
    await expect(askClusterDesk(desk.port, 3)).resolves.toEqual({ bootstrapServers: '127.0.0.1:3' })
    await expect(askClusterDesk(desk.port, 1)).resolves.toEqual({ bootstrapServers: '127.0.0.1:1' })
    await expect(askClusterDesk(desk.port, 3)).resolves.toEqual({ bootstrapServers: '127.0.0.1:3' })
    expect(asked).toEqual([3, 1])
    await desk.close()
  })

  it('says why there is none', async () => {
    const desk = await openClusterDesk(() => Promise.resolve({ notRun: 'There is no Java.' }))
    await expect(askClusterDesk(desk.port)).resolves.toEqual({ notRun: 'There is no Java.' })
    await desk.close()
  })

  it('is missed when the run is over', async () => {
    const desk = await openClusterDesk(() => Promise.resolve({ notRun: '' }))
    await desk.close()
    await expect(askClusterDesk(desk.port)).rejects.toThrow('ECONNREFUSED')
  })
})
