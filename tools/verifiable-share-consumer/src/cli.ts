import { runAsProcess } from '@milena/tools-java-habits'
import { verifiableShareConsumer } from './verifiable-share-consumer.js'

runAsProcess(verifiableShareConsumer)
