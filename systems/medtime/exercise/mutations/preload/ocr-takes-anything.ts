/*
 * An image may have a hundred times as many bytes as it should.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/api/ocr/wire.ts', 'imageLimit = 10 * 1_048_576', 'imageLimit = 1_000 * 1_048_576')
