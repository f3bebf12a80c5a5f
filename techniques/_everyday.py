"""Openings and texts of everyday life, chosen for no organism: what techniques use unless they are given others."""

from __future__ import annotations

OPENINGS = (
    "The",
    "Yesterday I",
    "In the morning",
    "People often say that",
    "One of the most important",
    "When you are",
    "My favourite",
    "There is",
    "The best way to",
    "Many years ago",
    "If you want to",
    "For lunch we",
    "She opened the door and",
    "In this article",
    "A good friend",
    "Last summer",
)

PROMPTS = (
    "How can I sleep better at night?",
    "What should I cook for dinner tonight?",
    "Explain what gravity is.",
    "Write a short story about a robot.",
    "What makes a good friend?",
    "Tell me about the history of Rome.",
    "How should I plan my week?",
    "Suggest a gift for my colleague.",
    "How do I start running?",
    "What is machine learning?",
    "I feel tired all the time. What can I do?",
    "Describe a perfect weekend.",
)

PASSAGES = (
    "The bus was late again this morning, so we walked along the river and talked about what to cook in the evening.",
    "When the report was finished, she sent it to her colleagues and asked them to read it before the next meeting.",
    "There are many ways to learn a language, but most people agree that speaking it a little every day helps most.",
    "He put the books back on the shelf, closed the window because of the rain, and went to make a cup of tea.",
    "The museum opens at ten and closes at six, and on the first Sunday of the month everybody can enter for free.",
    "Water boils at a lower temperature on a mountain, because the air there presses less on it than at the sea.",
)
"""Of a length at which a model has settled."""
