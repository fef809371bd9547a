import { playHistory } from './history.js'
import type { FromWorker, ToWorker } from './worker-messages.js'

// One process of the pool: plays the seeds that it is sent, one after the other.

process.on('message', (message: ToWorker) => {
  void playHistory(message.seed, { keepStory: message.keepStory }).then(({ hash, findings, tally, lines }) => {
    const answer: FromWorker = { seed: message.seed, hash, findings, tally: [...tally], lines }
    process.send?.(answer)
  })
})
process.on('disconnect', () => process.exit())
