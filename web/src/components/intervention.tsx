import type { ReactNode } from 'react'

/** One line of a card of interventions: what it is, what it does, and the button. */
export function Intervention({
  title,
  text,
  children,
}: {
  title: string
  text: ReactNode
  children: ReactNode
}) {
  return (
    <div className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-3 last:border-0">
      <div className="min-w-0 flex-1 basis-64">
        <div className="font-medium">{title}</div>
        <div className="text-12 text-t3">{text}</div>
      </div>
      {children}
    </div>
  )
}
