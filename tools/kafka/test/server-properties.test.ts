import { describe, expect, it } from 'vitest'
import { serverProperties, shortWaits } from '../src/server-properties.js'

const node = (nodeId: number) => ({ nodeId, port: 20_000 + nodeId, controllerPort: 21_000 + nodeId })
const lines = (count: number, overrides: Record<string, string> = {}) => {
  const nodes = Array.from({ length: count }, (_, index) => node(index + 1))
  return serverProperties(node(1), nodes, '/data', overrides).split('\n')
}

describe('The settings of a broker', () => {
  it('listen on loopback only', () => {
    expect(lines(1)).toContain('listeners=PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:21001')
  })

  it('ask for one replica of the state topics when it is alone', () => {
    expect(lines(1)).toContain('share.coordinator.state.topic.replication.factor=1')
    expect(lines(1)).toContain('share.coordinator.state.topic.min.isr=1')
  })

  it('ask for three replicas, two in sync, and name every voter when there are three', () => {
    expect(lines(3)).toContain('share.coordinator.state.topic.replication.factor=3')
    expect(lines(3)).toContain('share.coordinator.state.topic.min.isr=2')
    expect(lines(3)).toContain('controller.quorum.voters=1@127.0.0.1:21001,2@127.0.0.1:21002,3@127.0.0.1:21003')
  })

  it('keep the waits of tests short', () => {
    for (const [name, value] of Object.entries(shortWaits)) expect(lines(1)).toContain(`${name}=${value}`)
  })

  it('give way to what the caller wants', () => {
    const given = lines(1, { 'group.share.min.record.lock.duration.ms': '5000', 'log.segment.bytes': '1048576' })
    expect(given).toContain('group.share.min.record.lock.duration.ms=5000')
    expect(given).not.toContain('group.share.min.record.lock.duration.ms=1000')
    expect(given).toContain('log.segment.bytes=1048576')
  })
})
