"""The parts that pages are built from: the frame, cards, controls, tables, charts, and parts that pages share."""
