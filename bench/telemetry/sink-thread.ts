/*
 * The sink in a thread of its own, so that what it takes is not counted to who sends.
 */
import { parentPort } from 'node:worker_threads'
import { startSink } from './sink.ts'

const sink = await startSink()
parentPort?.postMessage(sink.address)
