import { describe, expect, it } from 'vitest'
import { sentenceLogger } from '../../src/command/sentence-logger.js'

describe('Lines for people', () => {
  it('have no full stop, and name the group and the member that the sentence leaves open', () => {
    const lines: string[] = []
    const logger = sentenceLogger('info', (line) => lines.push(line))
    logger.info({ groupId: 'workers', memberId: 'm-1' }, 'Member m-1 joined share group workers.')
    logger.info({ groupId: 'workers', memberId: 'm-1' }, 'A member has left its consumer group.')
    logger.debug({}, 'A request.')
    logger.warn({}, 'Something is odd.')
    logger.child({}).error({}, 'Something is wrong.')
    expect(lines).toEqual([
      'Member m-1 joined share group workers',
      'A member has left its consumer group (groupId workers, memberId m-1)',
      'WARN  Something is odd',
      'ERROR Something is wrong',
    ])
    expect(logger.isLevelEnabled?.('debug')).toBe(false)
  })
})
