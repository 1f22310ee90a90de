import { useMemo } from 'react'
import { encode } from 'uqr'

/** Modules around it that stay white, or a camera does not find it (ISO/IEC 18004 wants four). */
const QUIET_ZONE = 4

/** Dark modules as runs of a row, one unit each. */
function drawn(rows: boolean[][]): string {
  const path: string[] = []
  for (const [y, row] of rows.entries()) {
    for (let x = 0; x < row.length; x++) {
      const from = x
      while (row[x]) x += 1
      if (x > from) path.push(`M${from} ${y}h${x - from}v1h-${x - from}z`)
    }
  }
  return path.join('')
}

/** Black on white in every theme: many apps don't read one that is inverted. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const { path, size } = useMemo(() => {
    const { data, size } = encode(text, { ecc: 'M', border: QUIET_ZONE })
    return { path: drawn(data), size }
  }, [text])
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${size} ${size}`}
      shapeRendering="crispEdges"
      className="qr-plate size-50 shrink-0 rounded-box"
    >
      <path d={path} fill="currentColor" />
    </svg>
  )
}
