/*
 * An image may have one byte more.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/api/ocr/wire.ts', 'imageLimit = 10 * 1_048_576', 'imageLimit = 10 * 1_048_576 + 1')
