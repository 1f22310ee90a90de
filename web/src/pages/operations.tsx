import { useQuery } from '@tanstack/react-query'
import { operationsQuery } from '~/api/queries'
import { isActive, OperationRow } from '~/components/operations-tray'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Card } from '~/ui/bits'
import { Empty, SkeletonRows } from '~/ui/wait'

const t = texts('operations')

export function OperationsPage() {
  const operations = useQuery(operationsQuery)
  usePage(t('title'))
  const running = operations.data?.filter(isActive).length ?? 0
  return (
    <Page wide={false}>
      <PageHead title={t('title')} note={running > 0 ? t('running', { n: running }) : undefined} />
      {operations.isError && (
        <ProblemView error={operations.error} onRetry={() => void operations.refetch()} />
      )}
      {!operations.isError && (
        <Card>
          {operations.isPending && <SkeletonRows rows={4} height="h-16" />}
          {operations.data?.length === 0 && <Empty title={t('page_none')}>{t('page_none_note')}</Empty>}
          <ul>
            {operations.data?.map((operation) => (
              <OperationRow key={operation.id} operation={operation} />
            ))}
          </ul>
        </Card>
      )}
    </Page>
  )
}
