"""The saga, in both of its styles.

Read `acidtest.models.shared.steps` first, which says what a saga consists of; then:

- `specification`: what both styles must implement, and what is claimed of them.
- `choreography`, `choreography_study`: services that act on each other's events; failures reach everybody.
- `orchestration`, `orchestration_study`: executors with a durable cursor, sagas side by side, and what cannot be had.
- `service`: orders that are filled or taken back, as outsiders see them; running code of both styles is followed here.

The theorems that PATTERNS lists without a number follow those that it numbers: 5A has N6 and N7, 6 has N8 and N9.
"""
