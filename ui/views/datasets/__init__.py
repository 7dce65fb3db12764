"""The data sets there are, and what adds one of somebody's own."""
