import { runAsProcess } from '@milena/tools-java-habits'
import { shareConsumerPerformance } from './share-consumer-performance.js'

runAsProcess(shareConsumerPerformance)
