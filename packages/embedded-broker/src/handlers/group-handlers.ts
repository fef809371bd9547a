import type { Handler } from '../server/handler.js'
import { findCoordinator } from './10-find-coordinator.js'

/** One line per API. */
export const groupHandlers: readonly Handler[] = [findCoordinator]
