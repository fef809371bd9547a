import type { Handler } from '../server/handler.js'
import { apiVersionsHandler } from './18-api-versions.js'
import { dataHandlers } from './data-handlers.js'
import { groupHandlers } from './group-handlers.js'
import { securityHandlers } from './security-handlers.js'
import { shareGroupHandlers } from './share-group-handlers.js'
import { shareHandlers } from './share-handlers.js'
import { topicHandlers } from './topic-handlers.js'

const others: readonly Handler[] = [
  ...securityHandlers,
  ...topicHandlers,
  ...dataHandlers,
  ...groupHandlers,
  ...shareGroupHandlers,
  ...shareHandlers,
]

/** Everything the broker serves; which versions of it, the release decides (api-versions-by-release.ts). */
export const allHandlers: readonly Handler[] = [apiVersionsHandler(others.map(({ api }) => api)), ...others]
