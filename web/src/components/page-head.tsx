import type { ReactNode } from 'react'
import { visible } from '~/util/visible'

/** Title, count beside it, primary action top right. */
export function PageHead({
  title,
  note,
  children,
}: {
  title: string
  note?: ReactNode
  children?: ReactNode
}) {
  return (
    <div className="mb-4 flex min-h-8 flex-wrap items-center gap-2">
      <h1 className="title mr-1 text-20">{visible(title)}</h1>
      {note !== undefined && <span className="num text-t3">{note}</span>}
      <span className="flex-1" />
      {children}
    </div>
  )
}

export function Page({ children, wide = true }: { children: ReactNode; wide?: boolean }) {
  return (
    <div className={`px-6 pt-5 pb-6 max-sm:px-3 max-sm:pt-3 ${wide ? '' : 'mx-auto w-full max-w-[820px]'}`}>
      {children}
    </div>
  )
}
