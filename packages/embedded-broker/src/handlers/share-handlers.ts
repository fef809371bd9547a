import type { Handler } from '../server/handler.js'
import { shareFetchHandler } from './78-share-fetch.js'
import { shareAcknowledgeHandler } from './79-share-acknowledge.js'

/** One line per API. */
export const shareHandlers: readonly Handler[] = [shareFetchHandler, shareAcknowledgeHandler]
