/*
 * An image may take three seconds longer.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/api/ocr/wire.ts', 'ocrTimeoutMs = 30_000', 'ocrTimeoutMs = 33_000')
