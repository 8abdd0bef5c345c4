/*
 * An image may have one pixel more, in the process that reads it.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/client/ocr/unpack-image.ts', 'mostPixels = 25_000_000', 'mostPixels = 25_000_001')
