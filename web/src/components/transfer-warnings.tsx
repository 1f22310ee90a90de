import { TriangleAlert } from 'lucide-react'
import { visible } from '~/util/visible'

/** What stays behind, in the panel's words. */
export function Warnings({ warnings }: { warnings: string[] }) {
  return (
    <ul className="flex flex-col gap-1 text-12 text-t2">
      {warnings.map((warning) => (
        <li key={warning} className="flex items-start gap-2 [overflow-wrap:anywhere]">
          <TriangleAlert aria-hidden="true" size={13} className="mt-0.5 shrink-0 text-warn-fg" />
          {visible(warning)}
        </li>
      ))}
    </ul>
  )
}
