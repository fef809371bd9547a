import { playHistory } from './history.js'
import type { FromWorker, ToWorker } from './worker-messages.js'

// One process of the pool: plays the seeds that it is sent, one after the other.

process.on('message', ({ seed, ...options }: ToWorker) => {
  void playHistory(seed, options).then(({ hash, findings, tally, lines }) => {
    const answer: FromWorker = { seed, hash, findings, tally: [...tally], lines }
    process.send?.(answer)
  })
})
process.on('disconnect', () => process.exit())
