"""What pages are put together from: the frame, cards, controls, tables, charts, and parts that several pages show."""
