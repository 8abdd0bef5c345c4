/*
 * An image may have one pixel more. The process that reads images inherits nothing, so that it is told by its command line what to load, and
 * let read it.
 */
import { rewriteSource } from './source.ts'

const inChild = new URL('./more-pixels-in-child.ts', import.meta.url).href
const flags = [`--allow-fs-read=${import.meta.dirname}/*`, `--import=${inChild}`].map((flag) => JSON.stringify(flag))

rewriteSource('/services/api/ocr/isolation.ts', "'--permission',", `'--permission', ${flags.join(', ')},`)
