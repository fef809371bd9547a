export { onStage, type StageOptions } from './on-stage.js'
export { Stage } from './stage.js'
export { confirmedTo } from './confirmed.js'
