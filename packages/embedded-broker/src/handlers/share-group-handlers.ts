import type { Handler } from '../server/handler.js'

/** One line per API. */
export const shareGroupHandlers: readonly Handler[] = []
